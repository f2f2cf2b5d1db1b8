"""From a payload to an answer: a device's use of a link.

`plan` has the choices, `estimate` the current time of sending, `controller`
chooses, `transport` and `kserve_http` carry payloads and answers, `sender`
leaves no image unanswered. Written for Python 3.6 and its standard library, as
on older devices.
"""
