/** Keys, encryption and authentication of everything a repository stores. */
@NullMarked
package stet.repository.crypto;

import org.jspecify.annotations.NullMarked;
