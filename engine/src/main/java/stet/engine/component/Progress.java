package stet.engine.component;

/**
 * Receives reports of work; safe for use by several threads. Text may be shown to a person and
 * never holds a secret.
 */
public interface Progress {
  /** Reports nothing to anybody. */
  Progress NONE =
      new Progress() {
        @Override
        public void phase(String what) {}

        @Override
        public void expect(long bytes) {}

        @Override
        public void advance(long bytes) {}

        @Override
        public void warn(String message) {}

        @Override
        public void detail(String message) {}
      };

  /** A new stage of the work has begun, such as {@code "reading default"}. */
  void phase(String what);

  /** More work is known: adds to the expected total in bytes. */
  void expect(long bytes);

  /** Bytes of the expected total are done. */
  void advance(long bytes);

  /** Something that the user must see although the work goes on. */
  void warn(String message);

  /** Something for {@code -v}. */
  void detail(String message);
}
