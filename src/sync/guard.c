#include "sync/guard.h"

#include "base/format.h"

bool guard_is_most(int64_t lost, int64_t alive)
{
    return lost * 2 > alive;
}

void guard_set_nothing_seen(GError **error, const struct stream *stream, int64_t alive)
{
    error_setf(error, PENSTOCK_ERROR_GUARD,
               "the API answered no row of %s where %s were alive: nothing was deleted. Check the "
               "token's rights; `penstock reset` empties the table",
               stream->name, COUNT_TEXT(alive));
}
