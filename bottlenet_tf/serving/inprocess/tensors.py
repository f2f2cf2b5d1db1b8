"""Tensors of a request, checked against a signature; tensors of an answer."""

import numpy as np
import tensorflow as tf

# Where a TensorProto keeps single values; TF Serving's answers use these
# fields, and clients without TensorFlow read them.
_FIELDS = {
    np.dtype(np.float32): "float_val",
    np.dtype(np.int32): "int_val",
    np.dtype(np.int64): "int64_val",
}


def invalid(message):
    """Returns the error that refuses a malformed request."""
    return tf.errors.InvalidArgumentError(None, None, message)


def read_inputs(request_inputs, signature_inputs, max_batch):
    """Returns the arrays of a request by name.

    Args:
        max_batch: Most items of a dimension that the signature leaves open.
    """
    extra = sorted(set(request_inputs) - set(signature_inputs))
    missing = sorted(set(signature_inputs) - set(request_inputs))
    if extra or missing:
        raise invalid(
            "A request must have the inputs "
            f"{', '.join(sorted(signature_inputs))} and no others. "
            f"Received: missing={missing}, unknown={extra}"
        )
    return {
        name: _read(name, proto, signature_inputs[name], max_batch)
        for name, proto in request_inputs.items()
    }


def _read(name, proto, info, max_batch):
    if proto.dtype != info.dtype:
        raise invalid(
            f"Input {name!r} must be of type {_type_name(info.dtype)}. "
            f"Received: dtype={_type_name(proto.dtype)}"
        )
    shape = tuple(dim.size for dim in proto.tensor_shape.dim)
    wanted = tuple(dim.size for dim in info.tensor_shape.dim)
    fits = not proto.tensor_shape.unknown_rank and len(shape) == len(wanted)
    if not fits or not all(
        side == want or (want == -1 and side >= 0)
        for side, want in zip(shape, wanted, strict=True)
    ):
        raise invalid(
            f"Input {name!r} must have the shape {wanted}, where -1 is open. "
            f"Received: shape={shape}"
        )
    # Before the tensor is made: one value may stand for gigabytes.
    if any(
        want == -1 and side > max_batch
        for side, want in zip(shape, wanted, strict=True)
    ):
        raise invalid(
            f"Input {name!r} may have at most {max_batch} items per request, "
            f"the most that the network takes. Received: shape={shape}"
        )
    try:
        # By the format's rule, the last value is repeated for omitted ones.
        return tf.make_ndarray(proto)
    except (TypeError, ValueError) as error:
        raise invalid(
            f"Input {name!r} must have as many values as its shape says. "
            f"Received: shape={shape} ({error})"
        ) from None


def write_tensor(array):
    """Returns an array as `TensorProto`, single values in their field."""
    proto = tf.make_tensor_proto(array)
    field = _FIELDS.get(array.dtype)
    if field and proto.tensor_content:
        proto.ClearField("tensor_content")
        getattr(proto, field).extend(array.ravel().tolist())
    return proto


def _type_name(number):
    try:
        return tf.dtypes.as_dtype(number).name
    except TypeError:
        return f"number {number}"
