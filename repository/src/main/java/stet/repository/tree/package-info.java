/** Directories as tree blobs. */
@NullMarked
package stet.repository.tree;

import org.jspecify.annotations.NullMarked;
