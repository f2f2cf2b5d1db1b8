"""The round trip without serialisation, from the fastest sends of each size.

The floor is the least round trip seen, less its serialisation if several sizes
show that. With a single size, half of the least counts as floor.
"""

# A route rarely changes: the floor is that of the last minutes.
FLOOR_AGE_S = 120.0
# A connect's packets: TCP and IP with options.
CONNECT_BYTES = 60


class Floor:
    """The least round trips."""

    def __init__(self, clock):
        self._clock = clock
        # The least ms of each size, by its bit length: (ms, bytes, at_s).
        self._least = {}

    @property
    def num_sizes(self):
        """Number of known sizes."""
        return len(self._least)

    def note(self, num_bytes, ms):
        """Notes a round trip of these bytes on the air."""
        now, size = self._clock(), int(num_bytes).bit_length()
        known = self._least.get(size)
        if known is None or ms <= known[0] or now - known[2] > FLOOR_AGE_S:
            self._least[size] = (ms, num_bytes, now)

    @property
    def ms(self):
        """The round trip without serialisation; 0 if nothing is known."""
        if not self._least:
            return 0.0
        oldest = self._clock() - FLOOR_AGE_S
        known = [k for k in self._least.values() if k[2] >= oldest]
        if len(known) < 2:  # Old ones are better than a single size.
            known = self._least.values()
        known = sorted(known, key=lambda k: k[1])
        ms, num_bytes, _ = known[0]
        least = min(k[0] for k in known)
        if len(known) == 1:
            return ms if num_bytes <= CONNECT_BYTES else 0.5 * ms
        # A line through the smallest size; never above any other.
        slopes = [(m - ms) / (b - num_bytes) for m, b, _ in known[1:]]
        slope = max(0.0, min(slopes))
        return max(0.0, min(least, ms - slope * num_bytes))
