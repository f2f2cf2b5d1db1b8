"""Refusals of requests, with TF Serving's codes."""

import functools

import grpc
import tensorflow as tf

_CODES = {code.value[0]: code for code in grpc.StatusCode}


class RefusalError(ValueError):
    """A request that is not answered."""

    def __init__(self, code, message):
        super().__init__(message)
        self.code = code


def invalid(message):
    """Returns the refusal of a malformed request."""
    return RefusalError(grpc.StatusCode.INVALID_ARGUMENT, message)


def not_found(message):
    """Returns the refusal of a request for an unknown model."""
    return RefusalError(grpc.StatusCode.NOT_FOUND, message)


def answering(method):
    """Wraps a servicer's method: refusals and TensorFlow's errors as codes."""

    @functools.wraps(method)
    def answer(self, request, context):
        try:
            return method(self, request)
        except RefusalError as error:
            refusal = error.code, str(error)
        except tf.errors.OpError as error:
            # TensorFlow's codes are gRPC's.
            refusal = _CODES[error.error_code], error.message
        context.abort(*refusal)

    return answer
