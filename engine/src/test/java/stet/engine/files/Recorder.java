package stet.engine.files;

import java.util.ArrayList;
import java.util.List;
import stet.engine.component.Progress;

/** Keeps what was reported. */
final class Recorder implements Progress {
  final List<String> warnings = new ArrayList<>();
  final List<String> details = new ArrayList<>();
  long expected;
  long done;

  @Override
  public void phase(String what) {}

  @Override
  public synchronized void expect(long bytes) {
    expected += bytes;
  }

  @Override
  public synchronized void advance(long bytes) {
    done += bytes;
  }

  @Override
  public synchronized void warn(String message) {
    warnings.add(message);
  }

  @Override
  public synchronized void detail(String message) {
    details.add(message);
  }
}
