@NullMarked
package stet.cli;

import org.jspecify.annotations.NullMarked;
