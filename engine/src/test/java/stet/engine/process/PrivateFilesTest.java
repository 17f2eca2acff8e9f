package stet.engine.process;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;
import stet.engine.ErrorCode;
import stet.engine.StetException;

class PrivateFilesTest {
  @Test
  void anInterruptIsToldAsSuch() {
    Thread.currentThread().interrupt();
    try {
      assertThatThrownBy(PrivateFiles::create)
          .isInstanceOfSatisfying(
              StetException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.INTERRUPTED));
    } finally {
      Thread.interrupted();
    }
  }
}
