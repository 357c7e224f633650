/* MariaDB (10.5 or newer) and MySQL (8.0.17 or newer), through libmariadb. URL
 * mysql://user:password@host:port/database?ssl-mode=…&socket=…, or mariadb://…; the schema of a
 * connection is a database of its own: settings.schema, else the URL's path, else "pipedrive". */
#ifndef PENSTOCK_DESTINATIONS_MYSQL_H
#define PENSTOCK_DESTINATIONS_MYSQL_H

#include "model/destination.h"

extern const struct destination_ops mysql_destination;

#endif
