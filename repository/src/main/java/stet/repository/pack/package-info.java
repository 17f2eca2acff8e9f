/** Packs: the files that blobs are stored in. */
@NullMarked
package stet.repository.pack;

import org.jspecify.annotations.NullMarked;
