@NullMarked
package stet.engine;

import org.jspecify.annotations.NullMarked;
