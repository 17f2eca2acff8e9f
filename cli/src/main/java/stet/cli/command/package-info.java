/** The verbs. Each is a class that gets the session by its constructor. */
@NullMarked
package stet.cli.command;

import org.jspecify.annotations.NullMarked;
