/**
 * Puts a database back beside the live one, compares it with what was captured, and swaps it in or
 * proves it; also one table, and the lock of an environment.
 */
@NullMarked
package stet.engine.postgres.restore;

import org.jspecify.annotations.NullMarked;
