/* PostgreSQL 12 and later, through libpq. URLs postgres://… and postgresql://… as libpq knows them;
 * settings.schema is the schema of the tables, "pipedrive" when there is none. */
#ifndef PENSTOCK_DESTINATIONS_POSTGRES_H
#define PENSTOCK_DESTINATIONS_POSTGRES_H

#include "model/destination.h"

extern const struct destination_ops postgres_destination;

#endif
