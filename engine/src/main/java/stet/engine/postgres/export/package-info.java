/** Writes a captured database as pg_dump would, and single tables as CSV. */
@NullMarked
package stet.engine.postgres.export;

import org.jspecify.annotations.NullMarked;
