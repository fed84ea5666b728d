"""The page in a real headless browser, opened as a file: Chromium from PATH, or $NERFZIP_CHROMIUM."""

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from picture_store import HOSTILE, make_store, page_of
from report_rows import RATES

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: pip install nerfzip[dev]")
Page = Any

FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
pytestmark = pytest.mark.browser


def chromium() -> str:
    named = os.environ.get("NERFZIP_CHROMIUM")
    found = named or next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if not found:
        pytest.skip("no Chromium on PATH; install Debian's chromium or set NERFZIP_CHROMIUM")
    return found


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    executable = chromium()
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def report_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("page")
    rows = make_store(folder)
    file = folder / "report.html"
    file.write_text(page_of(rows, [folder / f"point-{index}" for index in range(len(rows))]))
    return file


@pytest.fixture
def page(browser: Any, report_file: Path) -> Iterator[Page]:
    yield from opened(browser, report_file)


def opened(browser: Any, file: Path, **options: Any) -> Iterator[Page]:
    """The page in a new profile; whatever it asks the network for, or complains of, fails the test."""
    context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **options})
    context.set_default_timeout(5000)
    page = context.new_page()
    requests: list[str] = []
    complaints: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(file.as_uri())
    yield page
    assert [url for url in requests if not url.startswith(("file:", "data:"))] == []
    assert complaints == []
    context.close()


def point(page: Page, name: str) -> Any:
    return page.locator(f'#chart .point[aria-label^="{name}:"]')


def choice(page: Page, name: str) -> Any:
    return page.get_by_role("combobox", name=name, exact=True)


def card(page: Page) -> str:
    return page.locator("#card").inner_text()


def test_a_pointer_shows_the_point(page: Page) -> None:
    page.select_option("#chart-choice", label="nerf_synthetic, ship")
    point(page, "vqrf, low").hover()
    shown = card(page)
    assert "vqrf, low" in shown
    # The mean of seeds 0 and 1, whose sizes differ by a byte.
    assert "50,001 bytes" in shown or "50,000 bytes" in shown
    assert "30.25 dB" in shown
    assert "1 scene, 2 seeds (2 rows)" in shown
    assert "± 1 bytes" in shown
    assert re.search(r"30\.25 dB ± \d\.\d\d dB", shown)
    assert page.locator("#card img").get_attribute("src").startswith("data:image/webp;base64,")
    assert page.locator("#card img").evaluate("image => image.complete && image.naturalWidth") == 32
    page.locator("#card select").select_option(label="ship, seed 1")
    command = page.locator("#card code").inner_text()
    assert re.match(r"nerfzip run method=vqrf rate=low .*dataset=nerf_synthetic .*dataset.scene=ship seed=1$", command)
    assert "No picture of it is in this page." in card(page)


def test_an_average_says_of_how_many(page: Page) -> None:
    point(page, "vqrf, medium").hover()
    assert "2 scenes, 2 seeds (4 rows)" in card(page)
    assert "nerf_synthetic, mean of 2 scenes" in card(page)
    assert page.locator("#card option").all_inner_texts() == [
        f"{scene}, seed {seed}" for scene in ("lego", "ship") for seed in (0, 1)
    ]


def test_the_keyboard_does_what_the_pointer_does(page: Page) -> None:
    page.locator("#axis-choice input").first.focus()
    page.keyboard.press("Tab")
    page.keyboard.press("End")
    assert "vqrf, high" in card(page)
    page.keyboard.press("ArrowLeft")
    assert "vqrf, medium" in card(page)
    page.keyboard.press("ArrowUp")
    assert f"{HOSTILE}, " in card(page)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    assert page.locator('.point[aria-pressed="true"]').count() == 1
    kept = card(page)
    point(page, "vqrf, tiny").hover()
    assert card(page) == kept
    page.keyboard.press("Escape")
    point(page, "vqrf, tiny").hover()
    assert "vqrf, tiny" in card(page)


def test_the_command_is_copied(page: Page) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.locator(".command button").click()
    sync_api.expect(page.locator(".command button")).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == page.locator("#card code").inner_text()


def test_curves_can_be_hidden_and_axes_chosen(page: Page) -> None:
    assert page.locator("#chart .point").count() == 2 * len(RATES)
    page.locator("#legend button", has_text="vqrf").click()
    assert page.locator("#chart .point").count() == len(RATES)
    assert "vqrf, tiny" not in card(page)
    page.locator("#legend button", has_text="vqrf").click()

    def places() -> list[float]:
        boxes = page.locator('#chart .point[aria-label^="vqrf"]').all()
        return [box.bounding_box()["x"] for box in boxes]

    logarithmic = places()
    page.get_by_label("linear").check()
    linear = places()
    sizes = list(RATES.values())
    # On the linear axis, and on it alone, distances are in proportion to differences of size.
    expected = (sizes[1] - sizes[0]) / (sizes[3] - sizes[0])
    assert (linear[1] - linear[0]) / (linear[3] - linear[0]) == pytest.approx(expected, abs=0.02)
    assert (logarithmic[1] - logarithmic[0]) / (logarithmic[3] - logarithmic[0]) > expected + 0.2
    page.get_by_label("SSIM").check()
    assert "SSIM 0.9000" in str(point(page, "vqrf, tiny").get_attribute("aria-label"))


def test_the_slider_moves_the_border(page: Page) -> None:
    slider = page.locator(".stage input")
    left = page.locator(".stage .left")
    assert left.evaluate("image => image.style.clipPath") == "inset(0px 50% 0px 0px)"
    slider.focus()
    page.keyboard.press("Home")
    assert left.evaluate("image => image.style.clipPath") == "inset(0px 100% 0px 0px)"
    page.locator(".stage").scroll_into_view_if_needed()
    box = page.locator(".stage").bounding_box()
    page.mouse.click(box["x"] + 0.75 * box["width"], box["y"] + 0.3 * box["height"])
    percent = float(re.findall(r"[\d.]+(?=%)", left.evaluate("image => image.style.clipPath"))[0])
    assert percent == pytest.approx(25, abs=1)
    divider = page.locator(".divider").bounding_box()
    assert divider["x"] == pytest.approx(box["x"] + 0.75 * box["width"], abs=5)


def test_truth_methods_and_errors_can_be_compared(page: Page) -> None:
    left, right = choice(page, "Left"), choice(page, "Right")
    names = left.locator("option").all_inner_texts()
    assert names[0] == "Ground truth"
    assert {"vqrf, tiny", "Error of vqrf, tiny", f"{HOSTILE}, high"} < set(names)
    assert len(names) == 1 + 2 * 2 * len(RATES)
    assert choice(page, "View").locator("option").all_inner_texts() == [f"./test/r_{n}" for n in (0, 2, 4)]
    assert page.locator(".colour-bar").count() == 0
    choice(page, "Scene").select_option(label="nerf_synthetic, ship")
    choice(page, "View").select_option(label="./test/r_4")
    left.select_option(label="vqrf, low")
    right.select_option(label="Error of vqrf, low")
    captions = page.locator(".captions p").all_inner_texts()
    assert all("PSNR 24.00 dB" in caption and "50,000 bytes" in caption for caption in captions)
    assert "32 or more" in page.locator(".colour-bar").inner_text()
    assert page.locator(".stage img").first.evaluate("image => image.naturalWidth") == 32


def test_headings_sort_numbers_as_numbers(page: Page) -> None:
    table = page.locator("table").first
    heading = table.locator("th", has_text="size")
    place = table.locator("th").all_inner_texts().index(heading.inner_text())

    def sizes() -> list[float]:
        return [float(row.locator("td").nth(place).inner_text().split()[0]) for row in table.locator("tbody tr").all()]

    before = sizes()
    heading.locator("button").click()
    assert heading.get_attribute("aria-sort") == "ascending"
    assert sizes() == sorted(before) != sorted(before, key=str)
    heading.locator("button").focus()
    page.keyboard.press("Enter")
    assert heading.get_attribute("aria-sort") == "descending"
    assert sizes() == sorted(before, reverse=True)
    table.locator("th button", has_text="rate").click()
    assert heading.get_attribute("aria-sort") is None


def test_a_table_can_be_downloaded(page: Page) -> None:
    with page.expect_download() as download:
        page.get_by_role("link", name="results.csv").click()
    lines = Path(download.value.path()).read_text().splitlines()
    assert lines[0].startswith("data set,label,rate,size (kB)")
    assert len(lines) == 1 + 2 * len(RATES)


def luminance(page: Page) -> float:
    channels = [
        int(part) for part in re.findall(r"\d+", page.evaluate("getComputedStyle(document.body).backgroundColor"))
    ]
    return sum(channels[:3]) / (3 * 255)


def test_the_theme_follows_the_system_until_it_is_chosen(browser: Any, report_file: Path, page: Page) -> None:
    assert luminance(page) > 0.9
    page.get_by_role("button", name="Dark theme").click()
    assert luminance(page) < 0.2
    page.get_by_role("button", name="Light theme").click()
    assert luminance(page) > 0.9
    for dark in opened(browser, report_file, color_scheme="dark"):
        assert luminance(dark) < 0.2
        assert dark.get_by_role("button", name="Light theme").is_visible()


def test_a_phone_scrolls_in_one_direction(browser: Any, report_file: Path) -> None:
    phone = {"viewport": {"width": 360, "height": 740}, "has_touch": True, "is_mobile": True}
    for page in opened(browser, report_file, **phone):
        assert page.evaluate("document.documentElement.scrollWidth") == 360
        assert page.evaluate("window.innerWidth") == 360
        table = page.locator(".scroll").first
        assert table.evaluate("box => box.scrollWidth > box.clientWidth")
        point(page, "vqrf, high").tap()
        assert "vqrf, high" in card(page)
        stage = page.locator(".stage").bounding_box()
        assert stage["x"] >= 0
        assert stage["x"] + stage["width"] <= 360


def test_labels_are_text(page: Page) -> None:
    assert page.title().startswith("Rate–distortion report")
    assert page.locator("#legend button").first.inner_text() == HOSTILE
    assert page.locator("tbody td").nth(1).inner_text() == HOSTILE
    # Those of the page itself: the data and one script.
    assert page.locator("script").count() == 2
    assert page.locator("img[src=x]").count() == 0


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_accessibility(browser: Any, report_file: Path, theme: str, width: int) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    for page in opened(browser, report_file, color_scheme=theme, viewport={"width": width, "height": 900}):
        page.evaluate("document.querySelectorAll('details').forEach(part => part.open = true)")
        choice(page, "Right").select_option(label="Error of vqrf, low")
        page.locator("table th button").first.click()
        point(page, "vqrf, low").click()
        results = axe.run(page).response
        assert [(found["id"], [node["html"] for node in found["nodes"]]) for found in results["violations"]] == []
        assert len(results["passes"]) > 20


def test_it_prints(page: Page) -> None:
    pdf = page.pdf()
    assert pdf.startswith(b"%PDF")
    page.emulate_media(media="print")
    assert not page.locator("#theme").is_visible()
    assert page.locator("table").first.is_visible()


def test_a_store_without_ground_truth_says_so(browser: Any, tmp_path: Path) -> None:
    rows = make_store(tmp_path, ground_truth=False)
    file = tmp_path / "report.html"
    file.write_text(page_of(rows, [tmp_path / f"point-{index}" for index in range(len(rows))]))
    for page in opened(browser, file):
        names = choice(page, "Left").locator("option").all_inner_texts()
        assert "Ground truth" not in names
        assert not any(name.startswith("Error") for name in names)
        assert "no ground truth of this scene" in page.locator("#viewer").inner_text()
