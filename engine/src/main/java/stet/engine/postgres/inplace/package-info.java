/** Puts a database back into the live one. */
@NullMarked
package stet.engine.postgres.inplace;

import org.jspecify.annotations.NullMarked;
