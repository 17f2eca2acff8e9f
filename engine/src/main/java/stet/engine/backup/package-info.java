/** Capturing an environment as a snapshot. */
@NullMarked
package stet.engine.backup;

import org.jspecify.annotations.NullMarked;
