/* SQLite: a database file on this machine. URL sqlite:PATH; settings.schema is a prefix of table
 * names: "acme" makes acme_deals and acme__penstock_state. */
#ifndef PENSTOCK_DESTINATIONS_SQLITE_H
#define PENSTOCK_DESTINATIONS_SQLITE_H

#include "model/destination.h"

extern const struct destination_ops sqlite_destination;

#endif
