"""From a payload to an answer: what a device does with a link of any kind.

`plan` reads what can be sent, `estimate` knows what sending takes now,
`controller` chooses, `transport` and `kserve_http` carry payloads and answers,
`sender` leaves no image unanswered. All of it is written for Python 3.6 and
the standard library, which is all that older devices have.
"""
