/** Writes a captured database in the forms of PostgreSQL's own programs. */
@NullMarked
package stet.engine.postgres.export;

import org.jspecify.annotations.NullMarked;
