/** Snapshots of environments: what is in them and how they are found. */
@NullMarked
package stet.engine.snapshot;

import org.jspecify.annotations.NullMarked;
