@NullMarked
package stet.testkit;

import org.jspecify.annotations.NullMarked;
