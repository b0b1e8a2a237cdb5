"""Numbers of the declaration that have bounds, with the words in which a message names them."""

from typing import Annotated

from msgspec import Meta

Share = Annotated[float, Meta(gt=0, lt=1, description="a share between 0 and 1, both excluded")]
ShareOrNone = Annotated[float, Meta(ge=0, lt=1, description="a share of at least 0 and below 1")]
NotNegative = Annotated[float, Meta(ge=0, description="a number that is not negative")]
Count = Annotated[int, Meta(ge=1, le=2**53, description="a whole number of at least 1")]
Step = Annotated[float, Meta(gt=0, le=1, description="a share above 0 and at most 1")]
Chance = Annotated[float, Meta(gt=0, le=1, description="a probability above 0 and at most 1")]
