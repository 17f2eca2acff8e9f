/** PostgreSQL databases as components. */
@NullMarked
package stet.engine.postgres;

import org.jspecify.annotations.NullMarked;
