package stet.engine.files;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import stet.engine.component.Target.Role;

class SiblingNamesTest {
  private static final String OPERATION = "0123abcd";

  private final SiblingNames media = new SiblingNames(bytes("media"));

  @Test
  void namesStatesAfterTheDirectory() {
    assertThat(text(media.of(Role.STAGING, OPERATION))).isEqualTo("media.staging-0123abcd");
    assertThat(text(media.of(Role.PREVIOUS, OPERATION))).isEqualTo("media.previous-0123abcd");
    assertThat(text(media.dropped(OPERATION))).isEqualTo("media.dropped-0123abcd");
    assertThat(text(SiblingNames.journal(media.of(Role.STAGING, OPERATION))))
        .isEqualTo("media.staging-0123abcd.journal");
  }

  @Test
  void knowsItsOwnNamesAgain() {
    for (Role role : Role.values()) {
      byte[] name = media.of(role, OPERATION);
      assertThat(media.state(name)).isEqualTo(new SiblingNames.State(role, OPERATION));
      assertThat(media.journalOf(SiblingNames.journal(name))).isEqualTo(name);
      assertThat(media.state(SiblingNames.journal(name))).isNull();
    }
    assertThat(media.droppedBy(media.dropped(OPERATION))).isEqualTo(OPERATION);
    assertThat(media.droppedBy(media.of(Role.STAGING, OPERATION))).isNull();
    assertThat(media.state(media.dropped(OPERATION))).isNull();
    byte[] unfinished = bytes("media.staging-0123abcd.journal.new");
    assertThat(media.journalOf(unfinished)).isNull();
    assertThat(media.isUnfinishedJournal(unfinished)).isTrue();
    assertThat(media.isUnfinishedJournal(bytes("media.staging-0123abcd.journal"))).isFalse();
  }

  @Test
  void aPrefixIsNotAName() {
    SiblingNames media2 = new SiblingNames(bytes("media2"));
    SiblingNames old = new SiblingNames(bytes("media.previous-99999999"));
    byte[] ofMedia2 = media2.of(Role.PREVIOUS, OPERATION);
    byte[] ofOld = old.of(Role.PREVIOUS, OPERATION);
    assertThat(media.state(ofMedia2)).isNull();
    assertThat(media.state(ofOld)).isNull();
    assertThat(media2.state(media.of(Role.PREVIOUS, OPERATION))).isNull();
    assertThat(media.journalOf(SiblingNames.journal(ofMedia2))).isNull();
    assertThat(media.state(bytes("media.staging-0123ABCD"))).isNull();
    assertThat(media.state(bytes("media.staging-0123abcde"))).isNull();
    assertThat(media.state(bytes("mediaxstaging-0123abcd"))).isNull();
  }

  @Test
  void longNamesAreCutAndKeptApart() {
    byte[] one = new byte[255];
    Arrays.fill(one, (byte) 'a');
    byte[] other = one.clone();
    other[254] = 'b';
    SiblingNames ofOne = new SiblingNames(one);
    SiblingNames ofOther = new SiblingNames(other);
    byte[] name = ofOne.of(Role.PREVIOUS, OPERATION);
    assertThat(SiblingNames.unfinished(SiblingNames.journal(name)).length).isEqualTo(255);
    assertThat(ofOne.state(name)).isNotNull();
    assertThat(ofOther.state(name)).isNull();
    assertThat(ofOther.of(Role.PREVIOUS, OPERATION)).isNotEqualTo(name);
  }

  @Test
  void cutsBetweenCharacters() {
    byte[] name = bytes("é".repeat(127));
    byte[] state = new SiblingNames(name).of(Role.STAGING, OPERATION);
    assertThat(state.length).isLessThan(256);
    assertThat(bytes(text(state))).isEqualTo(state);
    assertThat(text(state)).matches("é+~[0-9a-f]{8}\\.staging-0123abcd");
  }

  @Test
  void takesNamesOfAnyBytes() {
    byte[] odd = {(byte) 0xff, '\n', '.', (byte) 0xfe};
    SiblingNames names = new SiblingNames(odd);
    byte[] state = names.of(Role.STAGING, OPERATION);
    assertThat(Arrays.copyOf(state, 4)).isEqualTo(odd);
    assertThat(names.state(state)).isNotNull();
  }

  @Test
  void refusesAnIdThatIsNone() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> media.of(Role.STAGING, "../../etc"))
        .withMessageContaining("8 lower-case hexadecimal digits");
  }

  @Test
  void tellsStetsOwnFromOthersWhateverDirectoryTheyAreBeside() {
    assertThat(SiblingNames.isOwnDirectory(bytes("x.staging-0123abcd"))).isTrue();
    assertThat(SiblingNames.isOwnDirectory(bytes("x.dropped-0123abcd"))).isTrue();
    assertThat(SiblingNames.isOwnDirectory(bytes("x.staging-0123abcd.journal"))).isFalse();
    assertThat(SiblingNames.isOwnFile(bytes("x.staging-0123abcd.journal"))).isTrue();
    assertThat(SiblingNames.isOwnFile(bytes("x.staging-0123abcd"))).isFalse();
    assertThat(SiblingNames.isOwnDirectory(bytes(".staging-0123abcd"))).isFalse();
    assertThat(SiblingNames.isOwnDirectory(bytes("x.staging-today"))).isFalse();
  }

  private static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  private static String text(byte[] bytes) {
    return new String(bytes, StandardCharsets.UTF_8);
  }
}
