/** How a PostgreSQL server is named and reached; sessions and their errors. */
@NullMarked
package stet.engine.postgres.connection;

import org.jspecify.annotations.NullMarked;
