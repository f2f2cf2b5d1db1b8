"""From a payload to an answer: a device's use of a link.

`plan` reads the choices, `estimate` knows how long sending takes now,
`controller` chooses, `transport` and `kserve_http` carry payloads and answers,
`sender` leaves no image unanswered. Written for Python 3.6 and its standard
library, which is all that older devices have.
"""
