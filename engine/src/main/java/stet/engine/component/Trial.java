package stet.engine.component;

import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import stet.engine.rules.Evaluation;
import stet.engine.rules.Rule;

/** A captured component that was restored into scratch, to see whether that can be done. */
public interface Trial extends AutoCloseable {
  /**
   * One thing that was looked at.
   *
   * @param name such as {@code rows} or {@code physical}
   * @param ran whether it was looked at; if not, {@code detail} says why
   * @param detail what was looked at, for people
   */
  record Level(String name, boolean ran, String detail) {}

  /** What was looked at and found equal, and what could not be. */
  List<Level> levels();

  /** What differs from what was captured, beyond what made the restore itself fail. */
  List<String> differences();

  /**
   * Evaluates rules in what was restored.
   *
   * @return what they found, to be closed
   * @throws stet.engine.StetException with {@code SCRATCH} if the scratch could not answer, which
   *     says nothing about what was captured
   */
  default Evaluation evaluate(List<Rule> rules) {
    throw new UnsupportedOperationException("rules speak of tables, and there are none");
  }

  /** Whether {@link #evaluate} and {@link #query} can be used. */
  default boolean hasTables() {
    return false;
  }

  /**
   * The first value of the first row of a query, as text.
   *
   * @return null if there is no row, or the value is null
   * @throws stet.engine.StetException if it fails; with {@code SCRATCH} as in {@link #evaluate}
   */
  default @Nullable String query(String sql) {
    throw new UnsupportedOperationException("there are no tables");
  }

  /** Environment variables by which a program finds what was restored. */
  Map<String, String> variables();

  /** Removes the scratch. */
  @Override
  void close();
}
