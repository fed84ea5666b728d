"""Sweeps by Hydra's launchers end as those without one do, whatever dies meanwhile."""

import importlib.util
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest
import torch
from observed import fit_count

from nerfzip.benchmark.launch_task import do_task
from nerfzip.benchmark.launch_tasks import read_task, write_task
from nerfzip.benchmark.launchers import launcher_for_devices
from nerfzip.benchmark.plan import make_plan
from nerfzip.benchmark.row import read_row
from nerfzip.benchmark.store import State, stored_point
from nerfzip.benchmark.sweep_words import sweep_configs
from nerfzip.cli import main

Captured = pytest.CaptureFixture[str]
SLURM = {
    "sbatch": """\
#!/bin/bash
# Runs the tasks of an array, one after the other, in the background.
cp "${@: -1}" $SLURM_DOUBLE/submitted.sh
last=$(sed -n 's/^#SBATCH --array=0-\\([0-9]*\\)%.*/\\1/p' $SLURM_DOUBLE/submitted.sh)
(
for task in $(seq 0 $last); do
    SLURM_JOB_ID=7$task SLURM_ARRAY_JOB_ID=7 SLURM_ARRAY_TASK_ID=$task SLURM_ARRAY_TASK_COUNT=$((last + 1)) \\
        SLURM_NTASKS=1 SLURM_JOB_NUM_NODES=1 SLURM_NODEID=0 SLURM_PROCID=0 SLURM_LOCALID=0 SLURM_JOB_NODELIST=here \\
        CUDA_VISIBLE_DEVICES=$task bash $SLURM_DOUBLE/submitted.sh
done
) < /dev/null > $SLURM_DOUBLE/log 2>&1 &
echo Submitted batch job 7
""",
    "srun": """\
#!/bin/bash
while [[ $1 == --* ]]; do
    [[ $1 == --unbuffered ]] && shift || shift 2
done
exec "$@"
""",
    "sacct": "#!/bin/bash\necho 'JobID|State|NodeList'\n",
}
"""Test doubles of Slurm's commands."""


@pytest.fixture
def slurm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder in which the doubles of Slurm's commands leave what they were given."""
    folder = tmp_path / "slurm"
    folder.mkdir()
    for name, text in SLURM.items():
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    monkeypatch.setenv("SLURM_DOUBLE", str(folder))
    monkeypatch.setenv("PATH", os.pathsep.join([str(folder), os.environ["PATH"]]))
    return folder


def start(words: list[str]) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "nerfzip.cli", "sweep", *words]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def sweep(words: list[str]) -> tuple[int, list[str]]:
    """Exit status and lines of a sweep in a fresh process."""
    process = start(words)
    output, errors = process.communicate(timeout=600)
    assert "Traceback" not in errors, errors
    return process.returncode, output.splitlines()


def results(out: Path) -> dict[str, tuple[str, int]]:
    """Digest and size of each complete point."""
    rows = {file.parent.name: read_row(file) for file in out.glob("*/row.json")}
    return {name: (row.digest, row.bytes) for name, row in rows.items()}


def made_rows(out: Path) -> dict[Path, tuple[int, int]]:
    """Which file each row is, and when it was written: a row that is made again is another."""
    return {file: (file.stat().st_ino, file.stat().st_mtime_ns) for file in out.glob("*/row.json")}


def without_launcher(words: list[str], out: Path, cache: Path) -> dict[str, tuple[str, int]]:
    own = [word for word in words if not word.startswith(("launch.", "hydra", "out=", "cache="))]
    assert main(["sweep", *own, f"out={out}", f"cache={cache}"]) in (0, 1)
    return results(out)


def logs(out: Path) -> str:
    return "".join(file.read_text() for file in sorted(out.glob("launcher/*/*/log.txt")))


def check_sweep(words: list[str], tmp_path: Path) -> None:
    """Two of eight points fail; the same command again does nothing."""
    out = tmp_path / "out"
    status, said = sweep(words)
    assert (status, said[-1]) == (1, f"{out}: 6 of 8 points done, 2 failed")
    assert fit_count(tmp_path) == 2
    assert sum(line.startswith("done ") for line in said) == 6
    assert sum(line.startswith("failed tiny grey broken") and "levels=1: expected" in line for line in said) == 2
    made = {file: file.stat().st_mtime_ns for file in out.glob("*/*.json") if file.parent.name != "plans"}
    status, said = sweep(words)
    assert (status, said[-1]) == (1, f"{out}: 6 of 8 points done, 2 failed")
    assert {file: file.stat().st_mtime_ns for file in out.glob("*/*.json") if file.parent.name != "plans"} == made


def wait_for(process: subprocess.Popen[str], condition: Callable[[], bool]) -> None:
    while process.poll() is None and not condition():
        time.sleep(0.02)
    assert process.poll() is None, process.communicate()


def point_process(sweep_process: subprocess.Popen[str]) -> psutil.Process | None:
    """A process of a task, if there is one now."""
    return process_of(psutil.Process(sweep_process.pid), "nerfzip.benchmark.launch_process")


def process_of(parent: psutil.Process, module: str) -> psutil.Process | None:
    """A process below `parent` that runs a module, if there is one now."""
    for child in parent.children(recursive=True):
        try:
            if module in child.cmdline():
                return child
        except psutil.NoSuchProcess:
            continue
    return None


@pytest.mark.slow
@pytest.mark.parametrize("launcher", ["joblib", "submitit_local"])
@pytest.mark.usefixtures("decode_here")
def test_it_ends_as_without_a_launcher(both: list[str], tmp_path: Path, launcher: str) -> None:
    check_sweep([*both, f"hydra/launcher={launcher}"], tmp_path)
    assert results(tmp_path / "out") == without_launcher(both, tmp_path / "plain", tmp_path / "other_cache")
    assert not (Path.cwd() / "outputs").exists()
    assert not (Path.cwd() / "multirun").exists()
    assert not list(tmp_path.rglob(".hydra"))
    assert main(["status", str(tmp_path / "out")]) == 0


@pytest.mark.slow
def test_each_task_gets_its_threads(tiny: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS")
    monkeypatch.delenv("MKL_NUM_THREADS", raising=False)
    monkeypatch.delenv("NUMBA_NUM_THREADS", raising=False)
    assert sweep([*tiny, "hydra/launcher=submitit_local", "launch.threads=3"])[0] == 0
    (row,) = map(read_row, tmp_path.rglob("row.json"))
    assert "(3 of " in row.device
    assert "3 threads" in logs(tmp_path / "out")
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    monkeypatch.setenv("MKL_NUM_THREADS", "2")
    assert sweep([*tiny, "seed=1", "hydra/launcher=submitit_local", "launch.threads=3"])[0] == 0
    assert "2 threads" in logs(tmp_path / "out")


@pytest.mark.slow
def test_a_point_whose_process_dies_is_unfinished_and_the_others_go_on(both: list[str], tmp_path: Path) -> None:
    words = [*both, "rate=coarse,fine,default", "seed=0", "method.seconds=3", "hydra/launcher=joblib"]
    process = start(words)
    wait_for(process, lambda: "compress tiny at rate coarse" in logs(tmp_path / "out"))
    victim = point_process(process)
    assert victim is not None
    victim.kill()
    output, errors = process.communicate(timeout=600)
    assert process.returncode == 1
    assert "Traceback" not in errors
    assert output.splitlines()[-1].endswith(
        "2 of 3 points done, 0 failed, 1 unfinished: the same command again goes on"
    )
    assert "unfinished tiny grey coarse: its process ended with status -9" in output
    status, said = sweep(words)
    assert (status, said[-1]) == (0, f"{tmp_path / 'out'}: 3 of 3 points done, 0 failed")
    assert fit_count(tmp_path) == 1


def killed_task(words: list[str], tmp_path: Path, now: Callable[[psutil.Process], bool]) -> tuple[dict[str, str], Path]:
    """Do all points as one task, whose first process is killed as soon as `now` says so.

    Returns:
        What `do_task` returns, and the folder of the first point.
    """
    points = make_plan(sweep_configs([word for word in words if not word.startswith(("launch.", "hydra"))])).points
    task = tmp_path / "out/launcher/start/0"
    write_task(task, points, 1)
    with ThreadPoolExecutor() as pool:
        doing = pool.submit(do_task, SimpleNamespace(task=str(task)))
        victim = None
        while not doing.done() and (victim is None or not now(victim)):
            victim = victim or process_of(psutil.Process(), "nerfzip.benchmark.launch_process")
            time.sleep(0.02)
        assert victim is not None
        victim.kill()
        return doing.result(), points[0].folder


@pytest.mark.slow
def test_points_that_were_unfinished_before_are_not_given_up(both: list[str], tmp_path: Path) -> None:
    words = [*both, "rate=coarse,fine,default", "seed=0", "method.seconds=3"]
    for point in make_plan(sweep_configs([word for word in words if not word.startswith("launch.")])).points:
        point.folder.mkdir(parents=True)
        (point.folder / "config.yaml").write_text("")
    at_work = "compress tiny at rate coarse"
    reasons, first = killed_task(words, tmp_path, lambda _: at_work in logs(tmp_path / "out"))
    assert list(reasons) == [first.name]
    assert "its process ended with status -9" in reasons[first.name]
    assert sorted(row.rate for row in map(read_row, tmp_path.glob("out/*/row.json"))) == ["default", "fine"]


@pytest.mark.slow
def test_a_process_that_dies_while_its_decoder_works_gives_up_that_point_alone(both: list[str], tmp_path: Path) -> None:
    decoder = None

    def decoding(victim: psutil.Process) -> bool:
        nonlocal decoder
        decoder = process_of(victim, "nerfzip.benchmark.decode_worker")
        return decoder is not None

    reasons, first = killed_task([*both, "rate=coarse,fine,default", "seed=0"], tmp_path, decoding)
    assert list(reasons) == [first.name]
    assert sorted(row.rate for row in map(read_row, tmp_path.glob("out/*/row.json"))) == ["default", "fine"]
    assert decoder is not None
    assert not decoder.is_running()
    assert stored_point(first).state == State.UNFINISHED


@pytest.mark.slow
def test_a_worker_that_dies_is_made_good(both: list[str], tmp_path: Path) -> None:
    words = [*both, "rate=coarse,fine,default", "method.seconds=3", "hydra/launcher=joblib"]
    process = start(words)
    wait_for(process, lambda: "compress tiny at rate fine" in logs(tmp_path / "out"))
    victim = point_process(process)
    assert victim is not None
    victim.parent().kill()
    output, errors = process.communicate(timeout=600)
    assert "joblib gave up" in errors
    assert "Traceback" not in errors
    assert (process.returncode, output.splitlines()[-1]) == (0, f"{tmp_path / 'out'}: 6 of 6 points done, 0 failed")
    assert fit_count(tmp_path) == 2
    assert not victim.is_running()


@pytest.mark.slow
def test_a_task_that_is_put_back_into_the_queue_goes_on(both: list[str], tmp_path: Path) -> None:
    """As Slurm does with one that reaches its time limit."""
    words = [*both, "rate=coarse,fine,default", "seed=0", "method.seconds=3", "hydra/launcher=submitit_local"]
    process = start(words)
    wait_for(process, lambda: "compress tiny at rate fine" in logs(tmp_path / "out"))
    victim = point_process(process)
    assert victim is not None
    victim.parent().send_signal(signal.SIGUSR2)
    output, errors = process.communicate(timeout=600)
    assert (process.returncode, output.splitlines()[-1]) == (0, f"{tmp_path / 'out'}: 3 of 3 points done, 0 failed")
    assert "Traceback" not in errors
    assert not victim.is_running()
    assert fit_count(tmp_path) == 1
    assert logs(tmp_path / "out").count("compress tiny at rate coarse") == 1
    assert logs(tmp_path / "out").count("compress tiny at rate fine") == 2


@pytest.mark.slow
@pytest.mark.parametrize("launcher", ["joblib", "submitit_local"])
def test_killed_in_the_middle_it_goes_on(both: list[str], tmp_path: Path, launcher: str) -> None:
    words = [*both, "rate=coarse,fine,default", "method.seconds=1", f"hydra/launcher={launcher}"]
    process = start(words)
    wait_for(process, lambda: bool(results(tmp_path / "out")))
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    process = start(words)
    first_made: dict[Path, tuple[int, int]] = {}
    while process.poll() is None:
        first_made = made_rows(tmp_path / "out") | first_made
        time.sleep(0.02)
    output, _ = process.communicate()
    assert (process.returncode, output.splitlines()[-1]) == (0, f"{tmp_path / 'out'}: 6 of 6 points done, 0 failed")
    assert fit_count(tmp_path) == 2
    # Tasks that outlived the first sweep and those of the second made each row once.
    assert len(first_made) == 6
    assert made_rows(tmp_path / "out") == first_made


def test_a_sweep_uses_all_the_devices_that_it_is_given(
    tiny: list[str], monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1,3,4")
    words = ["sweep", *tiny, "seed=0,1,2,3", "--plan"]
    assert main([*words, "device=cuda"]) == 0
    assert "joblib: 4 tasks" in capsys.readouterr().out
    assert main(words) == 0
    assert "joblib" not in capsys.readouterr().out
    choice = launcher_for_devices(["1", "3", "4"])
    assert choice is not None
    assert "hydra.launcher.n_jobs=3" in choice.words
    assert launcher_for_devices(["3"]) is None


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_a_task_on_a_machine_without_the_device_says_so_and_leaves_its_points(tiny: list[str], tmp_path: Path) -> None:
    (point,) = make_plan(sweep_configs([*tiny, "device=cuda"])).points
    task = tmp_path / "out/launcher/start/0"
    write_task(task, [point], 1)
    (reason,) = do_task(SimpleNamespace(task=str(task))).values()
    assert "device=cuda: this machine has no CUDA device" in reason
    assert stored_point(point.folder).state == State.TO_DO


@pytest.mark.slow
def test_slurm_gets_an_array_of_tasks_with_their_resources(both: list[str], tmp_path: Path, slurm: Path) -> None:
    words = [*both, "hydra/launcher=submitit_slurm", "hydra.launcher.timeout_min=600"]
    words += ["hydra.launcher.gpus_per_node=1", "hydra.launcher.cpus_per_task=3", "hydra.launcher.partition=long"]
    check_sweep([*words, "hydra.launcher.array_parallelism=1"], tmp_path)
    flags = (slurm / "submitted.sh").read_text().splitlines()
    for flag in ("array=0-1%1", "time=600", "gpus-per-node=1", "cpus-per-task=3", "partition=long"):
        assert f"#SBATCH --{flag}" in flags
    (stdout,) = [flag for flag in flags if flag.startswith("#SBATCH --output=")]
    assert str(tmp_path / "out" / "launcher") in stdout
    # What Slurm says of the devices reaches the points.
    assert "CUDA devices: 0\n" in logs(tmp_path / "out")
    assert "CUDA devices: 1\n" in logs(tmp_path / "out")
    tasks = [read_task(file.parent) for file in tmp_path.glob("out/launcher/*/*/task.json")]
    assert [task.threads for task in tasks] == [3, 3]


@pytest.fixture
def ray_cluster(tiny: list[str]) -> Iterator[str]:
    """The address of a cluster of two nodes on this machine, each with a CPU and a CUDA device that it only claims."""
    if importlib.util.find_spec("ray") is None or importlib.util.find_spec("hydra_plugins.hydra_ray_launcher") is None:
        pytest.skip("the extra `ray` is not installed: pip install -e '.[ray]'")
    from ray.cluster_utils import Cluster

    node = {"num_cpus": 1, "num_gpus": 1, "object_store_memory": 100 * 1024**2}
    cluster = Cluster(initialize_head=True, head_node_args=node)
    cluster.add_node(**node)
    yield cluster.address
    cluster.shutdown()


@pytest.mark.ray
@pytest.mark.slow
@pytest.mark.usefixtures("decode_here")
def test_ray_does_it_on_two_nodes(both: list[str], tmp_path: Path, ray_cluster: str) -> None:
    words = [*both, "hydra/launcher=ray", f"hydra.launcher.ray.init.address={ray_cluster}"]
    check_sweep([*words, "hydra.launcher.ray.remote.num_gpus=1", "method.seconds=1"], tmp_path)
    assert results(tmp_path / "out") == without_launcher(
        [*both, "method.seconds=1"], tmp_path / "plain", tmp_path / "other_cache"
    )
    assert logs(tmp_path / "out").count("1 threads, CUDA devices: 0") == 2


@pytest.mark.slow
@pytest.mark.parametrize(
    ("launcher", "module", "extra"),
    [
        ("joblib", "joblib", "joblib"),
        ("joblib", "hydra_plugins.hydra_joblib_launcher", "joblib"),
        ("submitit_slurm", "submitit", "submitit"),
        ("ray", "hydra_plugins.hydra_ray_launcher", "ray"),
    ],
)
def test_a_launcher_that_is_not_installed_says_how_to(tiny: list[str], launcher: str, module: str, extra: str) -> None:
    script = f"import sys; sys.modules[{module!r}] = None; from nerfzip.cli import main; sys.exit(main(sys.argv[1:]))"
    command = [sys.executable, "-W", "ignore", "-c", script, "sweep", *tiny, f"hydra/launcher={launcher}"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 2
    assert result.stderr.startswith(f"nerfzip: hydra/launcher={launcher}: {module} can't be imported")
    assert result.stderr.endswith(f"pip install 'nerfzip[{extra}]'\n")
