/** Rules and references, asked of a database. */
@NullMarked
package stet.engine.postgres.rules;

import org.jspecify.annotations.NullMarked;
