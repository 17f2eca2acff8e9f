/**
 * What an environment is made of: the extension point for kinds of state, and what a kind is given
 * to work with.
 */
@NullMarked
package stet.engine.component;

import org.jspecify.annotations.NullMarked;
