package stet.engine.postgres;

import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import stet.engine.component.Progress;

/** Keeps the warnings of an operation, and what it says under {@code -v}. */
public final class Warnings implements Progress {
  public final List<String> all = new CopyOnWriteArrayList<>();
  public final List<String> details = new CopyOnWriteArrayList<>();

  @Override
  public void phase(String what) {}

  @Override
  public void expect(long bytes) {}

  @Override
  public void advance(long bytes) {}

  @Override
  public void warn(String message) {
    all.add(message);
  }

  @Override
  public void detail(String message) {
    details.add(message);
  }
}
