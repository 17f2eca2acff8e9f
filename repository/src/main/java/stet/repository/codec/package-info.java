/** Compression of blobs and of the repository's own files. */
@NullMarked
package stet.repository.codec;

import org.jspecify.annotations.NullMarked;
