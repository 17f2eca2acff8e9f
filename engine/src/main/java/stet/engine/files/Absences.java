package stet.engine.files;

import java.util.List;
import java.util.function.Function;

/**
 * Asks one directory again and again, from several threads, which of its entries are gone. A large
 * one in which entries come and go all the time is not listed each time: it has shown by then that
 * it lists what can be found.
 */
final class Absences {
  /** How many entries make a directory large. */
  static final int MANY_ENTRIES = 10_000;

  /** How often a large directory is listed and tells that all that was not found is gone. */
  static final int MOST_LISTINGS = 5;

  private final Absence.Holder directory;
  private final boolean large;
  private int listings;

  /**
   * Prepares.
   *
   * @param entries how many entries the directory had when it was first listed
   */
  Absences(Absence.Holder directory, int entries) {
    this.directory = directory;
    this.large = entries >= MANY_ENTRIES;
  }

  /**
   * Asks of some entries.
   *
   * @param question gives those that are not gone
   */
  <T> List<T> stillThere(Function<Absence, List<T>> question) {
    if (!large) {
      return question.apply(new Absence(directory));
    }
    // One at a time, as each listing takes memory.
    synchronized (this) {
      boolean lists = listings < MOST_LISTINGS;
      List<T> there = question.apply(new Absence(directory, lists));
      if (lists && there.isEmpty()) {
        listings++;
      }
      return there;
    }
  }
}
