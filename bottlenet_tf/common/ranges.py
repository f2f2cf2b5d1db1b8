"""Types of numbers with a range, which msgspec checks in a file."""

import sys
from typing import Annotated

from msgspec import Meta

_LARGEST = sys.float_info.max  # Python's JSON has infinity and NaN.
NotNegative = Annotated[float, Meta(ge=0, le=_LARGEST)]
Positive = Annotated[float, Meta(gt=0, le=_LARGEST)]
Percent = Annotated[float, Meta(ge=0, le=100)]
Whole = Annotated[int, Meta(ge=0)]
Count = Annotated[int, Meta(ge=1)]
