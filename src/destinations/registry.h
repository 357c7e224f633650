/* Registry: every destination driver, one row each. */
#ifndef PENSTOCK_DESTINATIONS_REGISTRY_H
#define PENSTOCK_DESTINATIONS_REGISTRY_H

#include "model/destination.h"

/* NULL-terminated. */
extern const struct destination_ops *const destinations[];

/* By the scheme of a URL; NULL with CONFIG that lists the known ones. A bare path ("crm.db") means
 * SQLite? No: it is refused with a hint to write sqlite:crm.db. */
const struct destination_ops *destination_for_url(const char *url, GError **error);

#endif
