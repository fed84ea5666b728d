"""Eight float32 at once, for kernels that must keep sums in registers: numba writes them back at each step."""

from typing import Any

from llvmlite import ir
from numba import extending, types
from numba.extending import models, register_model

# Without its type, which counts the typing context among the arguments of a call.
intrinsic: Any = extending.intrinsic
LANES = 8
INDEX = ir.IntType(32)
REGISTER = ir.VectorType(ir.FloatType(), LANES)


class Vector(types.Type):
    """What `load` returns."""

    def __init__(self) -> None:
        super().__init__("Vector")


VECTOR = Vector()


@register_model(Vector)
class _VectorModel(models.PrimitiveModel):
    def __init__(self, manager: Any, vector: Vector) -> None:
        super().__init__(manager, vector, REGISTER)


@intrinsic
def load(typing_context, array, index):  # type: ignore[no-untyped-def]
    """Values from `index` on of a contiguous float32 array of any shape, laid out flat."""

    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        return builder.load(_address(context, builder, signature.args[0], *arguments[:2]), align=4)

    return VECTOR(_contiguous(array), types.intp), generate


@intrinsic
def store(typing_context, array, index, vector):  # type: ignore[no-untyped-def]
    """The inverse of `load`."""

    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        address = _address(context, builder, signature.args[0], *arguments[:2])
        builder.store(arguments[2], address, align=4)
        return context.get_dummy_value()

    return types.void(_contiguous(array), types.intp, VECTOR), generate


@intrinsic
def spread(typing_context, scalar):  # type: ignore[no-untyped-def]
    """One float32 in all lanes."""

    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        nothing = ir.Constant(REGISTER, ir.Undefined)
        first = builder.insert_element(nothing, arguments[0], ir.Constant(INDEX, 0))
        return builder.shuffle_vector(first, nothing, ir.Constant(ir.VectorType(INDEX, LANES), [0] * LANES))

    return VECTOR(types.float32), generate


@intrinsic
def add_product(typing_context, total, left, right):  # type: ignore[no-untyped-def]
    """total + left · right, lane by lane, rounded once where the processor can."""

    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        total, left, right = arguments
        return builder.fadd(total, builder.fmul(left, right, flags=["contract"]), flags=["contract"])

    return VECTOR(VECTOR, VECTOR, VECTOR), generate


@intrinsic
def where_positive(typing_context, condition, values):  # type: ignore[no-untyped-def]
    """Values, but 0 where the condition is not above 0. As a vector, since the branch of a scalar is a guess."""

    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        zeros = ir.Constant(REGISTER, [0.0] * LANES)
        return builder.select(builder.fcmp_unordered(">", arguments[0], zeros), arguments[1], zeros)

    return VECTOR(VECTOR, VECTOR), generate


def _contiguous(array: Any) -> Any:
    if array.layout != "C" or array.dtype != types.float32:
        raise TypeError(f"{array} is not contiguous float32")
    return array


def _address(context: Any, builder: Any, array_type: Any, array: Any, index: Any) -> Any:
    data = context.make_array(array_type)(context, builder, array).data
    return builder.bitcast(builder.gep(data, [index]), REGISTER.as_pointer())
