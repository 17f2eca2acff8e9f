/** Whether snapshots come back: trials, and the records of them. */
@NullMarked
package stet.engine.proof;

import org.jspecify.annotations.NullMarked;
