"""Names to factories: the lookup behind every choice by name."""


class Registry:
    """Maps names to objects; duplicates and unknown names raise."""

    def __init__(self, kind):
        self.kind = kind
        self._entries = {}

    def register(self, name):
        """Returns a decorator that registers its argument as `name`."""
        if not isinstance(name, str) or not name:
            raise TypeError(
                f"A {self.kind} is registered under a non-empty string. "
                f"Received: name={name!r}"
            )

        def decorate(entry):
            if name in self._entries:
                raise ValueError(
                    f"A {self.kind} of this name exists already; overwriting "
                    f"would change what others get. Received: name={name!r}"
                )
            self._entries[name] = entry
            return entry

        return decorate

    def get(self, name):
        """Returns the entry that is registered as `name`."""
        if name not in self._entries:
            raise ValueError(
                f"Unknown {self.kind}. Choices: {', '.join(self.names())}. "
                f"Received: name={name!r}"
            )
        return self._entries[name]

    def names(self):
        """Returns all registered names, sorted."""
        return sorted(self._entries)
