/** Definitions of objects in pg_dump's archives, and the programs that write and read them. */
@NullMarked
package stet.engine.postgres.archive;

import org.jspecify.annotations.NullMarked;
