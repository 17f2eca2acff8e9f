package stet.repository.tree;

import java.util.Arrays;
import java.util.Base64;

/**
 * The code points that Go calls printable ({@code unicode.IsPrint}): letters, marks, numbers,
 * punctuation, symbols and the ASCII space, by Unicode 15.0.0, which Go has from 1.21 on. Java's
 * own data are of another version, and change with it.
 *
 * <p>The table was made from the categories that ICU 72 gives ({@code u_charType}, Unicode 15.0):
 * the code points at which printable and not printable change over, starting with not printable at
 * 0, each as its distance from the one before in groups of seven bits, lowest first, with the
 * eighth bit set in all but the last.
 */
final class PrintableRunes {
  private static final String CHANGES =
      """
      IF8iDAHKBQIGBAcBAQEUAY0DASYCMgIDATcIGwQGERYBwAEBMAI7AmUOOwIxAg8BHAIBAQsFHwlKAaEBAQgCAgIWAQcB
      AQMEAgkCAgIECAEEAgEFAhkCAwEGBAICFgEHAQIBAgECAgEBBQQCAgMDAQcEAQEHEQoDAQkBAwEWAQcBAgEFAgoBAwED
      AgEPBAIMBwcBAwEIAgICFgEHAQIBBQIJAgICAwcDBAIBBQISCgIBBgMDAQQDAgEBAQIDAgMDAwwEBQMDAQQCAQYBDhUF
      DQEDARcBEAIJAQMBBAcCAQMCAQIEAgoHFgEDARcBCgEFAgkBAwEEBwIGAgEEAgoBAwwNAQMBMwEDAQYEEAIaAQMBEgMY
      AQkBAQIHAwEEBgEBAQgGCgIDDDoEHSUCAQEBBQEYAQEBFwIFAQEBBwEKAgQgSAEkBCcBJAEPAQ0lxgEBAQUBAvkCAQQC
      BwEBAQQCKQEEAiEBBAIHAQEBBAIPATkBBAJDAiADGgZWAgYCgAUBHANZBxYJGAkUDA0BAwECDF4CCgYKBg4BCwZZBysF
      RgofAQwEDAQBAyoCBQssBBoGCwM+AkEBHQILBgoGDgIfMU0DLwF0CDwDDwM8BysCCwgrBZYEAgYCJgIGAggBAQEBAQEB
      HwI1AQ8BDgIGARMCAwEJERgILxECAhsBDQMhDyEPjAEElwUZCxWUDgIgAd0CBS0BAQUBAjgHAg4YCQcBBwEHAQcBBwEH
      AQcBBwF+IhoBWQzWARoMBT8BVgJnBSsBXgFUDC8B7eQBAzcJ3AIUuAEIywEFAgEBAQUYOwMKBjgIRggMBnQLHgNOAQsE
      IQE3CQ4CCgJnGBwKBgIGAgYJBwEHATwEfgIKBqRXDBcEMYRC7gICaiYHDAUFGgEFAQEBAgECAX0QvQMCNgcBICoGMwET
      AQQEBQGHAQS+AQMGAgYCBgIDAwcBBw0CAgwBGgETAQIBDwIOInsFAwQtA1gBDQMBLy6CAR0DMQ8cBCQJHgUrBR4BJQQO
      Kp4BAgoGJAQkBCgINAsMAQ8BBwECAQsBDwEHAQJDtwIJFgoIGAYBKgEJRQYCAQEsAQIDAQIXAUgICTATAQIFIQMbBQFA
      OAQUAjIBAgUIAQMBHQIDBAoHCQdAICcEDAk2Ax0CGwUaBwQMB1BJNzMNMwcuCAqmAh8BKgEDAgJLKwgqFhomHBQXCU4E
      JAk+AQUNGQcKBjUBEggnCWABFAsSAS8+BwEBAQQBDwELBjsFCgYEAQgCAgIWAQcBAgEFAQoCAgIDAgEGAQUHAgcDBYsB
      XAEFHkgICqYBNgImIkULCgYNEzoGCjYbAg8EF7kBPGRTDAgCAQIIAQIBHgECAgwJCkYIAi4CCxtICFMNSQcK9gEJAS0B
      DgodAyACFgEOSQcBAgEsAwEBAgEJCAoGBgECASUBAgEGBwq2AhkHEQEpAxxWAQ8yDZsHZm8BBQvEAcwUYw2wCBAWqh/H
      BLlDuQQHHwEKBFEBCgYeAgYKRgoKAQcBFQUTsAVbZUsEOQcRQAULAg74LwjWCSoJ50UEAQcBAgGjAg8BHQMCAQ4ECIwD
      hBJrBQ0DCQcKAgTgJC4CFwl0PPYBCicCSghwFUZ6FAwUDFcJGYcBVQFHAQICAQICAgQBDAEBAQcBQQEEAggBBwEcAQQB
      BQEBAwcB1AICpAICvgUPBQEP0AgfBgbVAQcBEQIHAQIBBQU+IQFwLQMOAgoEAsACHxE6BQHQAyrmBQcBBAECAQ8BxQEC
      EClMBAoEApEGREw9wgEEARsBAgEBAgEBCgEEAQEBAQYBBAEBAQEBAQMBAgEBAgEBAQEBAQEBAQECAQECBAEHAQQBBAEB
      AQoBEQUDAQUBETQCjgIsBGQMDwIPAQ8BJQquATgdDSwECQcCDgaaAdgHBBEDDQN3BF8GDAQBDwwEOAgKBigIHgICTtQC
      DA4CDQMJBy4BBwgOBAkHCQeTAQE3JQqGCODNAiC6IAbeAQKCLQ6xOp8YngTiC8smBeAg0Lor8AE=
      """;

  private static final int[] STARTS = decode();

  private PrintableRunes() {}

  private static int[] decode() {
    byte[] bytes = Base64.getMimeDecoder().decode(CHANGES);
    int[] starts = new int[bytes.length];
    int count = 0;
    int start = 0;
    int shift = 0;
    for (byte group : bytes) {
      start += (group & 0x7f) << shift;
      if (group < 0) {
        shift += 7;
      } else {
        shift = 0;
        starts[count++] = start;
      }
    }
    return Arrays.copyOf(starts, count);
  }

  static boolean contains(int codePoint) {
    int found = Arrays.binarySearch(STARTS, codePoint);
    int changes = found >= 0 ? found + 1 : -found - 1;
    return (changes & 1) != 0;
  }
}
