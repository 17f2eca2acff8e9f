/** Putting a snapshot back: staging, swap, previous states, and finishing what was interrupted. */
@NullMarked
package stet.engine.restore;

import org.jspecify.annotations.NullMarked;
