"""The forms vendors write requests and replies in; pure functions between them and `gateway.chat`.

Within one dialect whatever is not read passes through as it came: a body that was read is written
again as it was, but for the fields of the struct that were changed since. Across dialects what has
an equivalent is translated and the rest of the body is dropped (`crossing.lost` names what), since
each vendor refuses fields it does not know.
"""
