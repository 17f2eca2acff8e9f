/** Cuts files into blobs at places that their content chooses, where restic cuts them too. */
@NullMarked
package stet.repository.chunk;

import org.jspecify.annotations.NullMarked;
