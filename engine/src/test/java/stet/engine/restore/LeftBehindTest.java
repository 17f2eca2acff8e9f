package stet.engine.restore;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.reflect.Proxy;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import stet.engine.ErrorCode;
import stet.engine.StetException;
import stet.engine.component.Progress;
import stet.engine.component.Target;
import stet.engine.component.Target.Beside;
import stet.engine.component.Target.Role;

/** A state of which nothing can be told may be damaged, which is why somebody replaces it. */
class LeftBehindTest {
  private final List<Beside> dropped = new ArrayList<>();
  private final List<String> warnings = new ArrayList<>();

  private final Progress progress =
      new Progress() {
        @Override
        public void phase(String what) {}

        @Override
        public void expect(long bytes) {}

        @Override
        public void advance(long bytes) {}

        @Override
        public void warn(String message) {
          warnings.add(message);
        }

        @Override
        public void detail(String message) {}
      };

  /** Drops, and cannot tell. */
  private Target damaged() {
    return (Target)
        Proxy.newProxyInstance(
            Target.class.getClassLoader(),
            new Class<?>[] {Target.class},
            (_, method, arguments) -> {
              if (method.getName().equals("leftBehind")) {
                throw new StetException(
                    ErrorCode.SOURCE, "cannot list /srv: input/output error", null);
              }
              assertThat(method.getName()).isEqualTo("drop");
              dropped.add((Beside) arguments[0]);
              return null;
            });
  }

  private void requireWarning() {
    assertThat(warnings)
        .singleElement()
        .asString()
        .isEqualTo(
            "it cannot be told what a replaced state of component media has that the state in its"
                + " place lacks: cannot list /srv: input/output error");
  }

  @Test
  void aLiveStateOfWhichNothingCanBeToldMayBeReplaced() {
    LeftBehind.warnOfReplacing("media", damaged(), progress);

    requireWarning();
  }

  @Test
  void aStateOfWhichNothingCanBeToldIsDropped() {
    Beside state = new Beside(Role.PREVIOUS, "0a1b2c3d", "media.previous", "7", null);

    LeftBehind.drop("media", damaged(), state, progress);

    assertThat(dropped).containsExactly(state);
    requireWarning();
  }
}
