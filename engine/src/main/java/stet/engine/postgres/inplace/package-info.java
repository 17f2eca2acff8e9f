/** Puts a database back within one transaction of the live database: all of it, or nothing. */
@NullMarked
package stet.engine.postgres.inplace;

import org.jspecify.annotations.NullMarked;
