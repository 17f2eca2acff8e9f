/**
 * Rows in bulk: the text that COPY prints, how it is cut into segments, and how workers share them.
 */
@NullMarked
package stet.engine.postgres.rows;

import org.jspecify.annotations.NullMarked;
