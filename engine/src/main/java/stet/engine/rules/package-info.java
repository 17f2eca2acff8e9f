/** What must hold between the rows and files of an application, and whether it does. */
@NullMarked
package stet.engine.rules;

import org.jspecify.annotations.NullMarked;
