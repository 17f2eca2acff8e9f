/** Snapshots: what was backed up, when, and which tree holds it. */
@NullMarked
package stet.repository.snapshot;

import org.jspecify.annotations.NullMarked;
