"""The settings of the runtime, a table each; `config` reads them."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class CameraConfig:
    """Where frames come from, table `[camera]`.

    Attributes:
        source: auto, csi[:N], usb[:N], /dev/videoN, an rtsp:// or http(s):// address, a video
            file, a picture, a folder of pictures, or synthetic[:SEED].
        width: wanted, in px.
        height: wanted, in px.
        fps: wanted of the camera; 0 takes what it likes.
        rotate: clockwise, 0, 90, 180 or 270 degrees.
        exposure_us: of a CSI camera; 0 is automatic.
        gain: of a CSI camera; 0 is automatic.
        focus: auto, continuous, off, or a lens position in dioptres, of a CSI camera.
        buffers: of a CSI camera; 0 chooses by the board's memory.
        loop: begin a file or folder again at its end.
        fast: read a video file as fast as it goes, every frame, in place of its own time.
        stall_s: without a frame for so long, the camera is taken for silent and opened again.
    """

    source: str = "auto"
    width: int = 640
    height: int = 480
    fps: float = 0.0
    rotate: int = 0
    exposure_us: int = 0
    gain: float = 0.0
    focus: str = "auto"
    buffers: int = 0
    loop: bool = False
    fast: bool = False
    stall_s: float = 5.0


@dataclass(frozen=True)
class ReadConfig:
    """How frames are read, table `[read]`.

    Attributes:
        model: a .tflite file; empty takes the one that came with the package or the board.
        delegate: auto (measured once on this board), xnnpack, none or edgetpu.
        threads: of the model; 0 is measured along with the delegate.
        fps: most frames read a second; 0 is every one.
        agree: frames that must agree before a reading is announced.
        share: share of a digit's last frames that must agree, above 0.5.
        forget: frames after which a digit that is not seen any more has left.
        roi: regions of interest, "[NAME=]X,Y,WIDTH,HEIGHT" in px, or in shares of the frame.
        expect: pattern that a line must match in full to be announced, as "[0-9]{5}".
        digits: shorthand for `expect`: so many digits; 0 is any number.
        monotonic: a reading whose number is lower than the one that stands is held back.
        largest_step: a reading that differs by more is held back; 0 is off.
        accept_after_s: a held-back reading that stands for so long is announced; 0 is never.
        gate: pass over frames that equal the last one read.
        gate_level: grey levels by which a small patch must change to count.
        refresh_s: an unchanged frame is read again after so long; 0 is never.
        still: read only when the picture holds still.
    """

    model: str = ""
    delegate: str = "auto"
    threads: int = 0
    fps: float = 0.0
    agree: int = 3
    share: float = 0.6
    forget: int = 3
    roi: tuple[str, ...] = ()
    expect: str = ""
    digits: int = 0
    monotonic: bool = False
    largest_step: float = 0.0
    accept_after_s: float = 300.0
    gate: bool = True
    gate_level: float = 6.0
    refresh_s: float = 10.0
    still: bool = False


@dataclass(frozen=True)
class OutputConfig:
    """Lines of JSON, table `[output]`.

    Attributes:
        stdout: readings, frames or none.
        file: path of a rotating file; empty is none.
        file_content: readings or frames.
        file_bytes: size at which the file is rotated.
        file_keep: rotated files that are kept.
    """

    stdout: str = "readings"
    file: str = ""
    file_content: str = "readings"
    file_bytes: int = 10_000_000
    file_keep: int = 3


@dataclass(frozen=True)
class MqttConfig:
    """Readings to a broker, table `[mqtt]`.

    Attributes:
        host: of the broker; empty is no MQTT.
        port: 0 is 1883, or 8883 with TLS.
        topic: root of the topics.
        client_id: empty makes one of the host's name.
        credentials: file with `username = …` and `password = …`, readable by its owner alone.
        tls: encrypt, and check the broker's certificate.
        ca: file of the authority that signed the broker's certificate; empty is the system's.
        cert: file of our own certificate, for brokers that want one.
        key: file of its key.
        discovery: announce the reader to Home Assistant.
        discovery_prefix: topic under which Home Assistant listens.
        content: readings or frames.
        qos: 0, 1 or 2.
    """

    host: str = ""
    port: int = 0
    topic: str = "edge-hdr"
    client_id: str = ""
    credentials: str = ""
    tls: bool = False
    ca: str = ""
    cert: str = ""
    key: str = ""
    discovery: bool = False
    discovery_prefix: str = "homeassistant"
    content: str = "readings"
    qos: int = 1


@dataclass(frozen=True)
class WebConfig:
    """The live page, the API and the metrics, table `[web]`.

    Attributes:
        enabled: whether they are served.
        host: address to listen on; another one than this machine's own wants a token.
        port: 0 takes a free one.
        token_file: file with the token's hash; empty is `web-token` in the state folder.
        cert: TLS certificate file; empty is plain HTTP.
        key: file of its key.
        stream_fps: most pictures a second that a viewer gets.
        upload_bytes: largest upload.
    """

    enabled: bool = True
    host: str = "127.0.0.1"
    port: int = 8630
    token_file: str = ""
    cert: str = ""
    key: str = ""
    stream_fps: float = 10.0
    upload_bytes: int = 20_000_000


@dataclass(frozen=True)
class SamplesConfig:
    """Crops kept for training, table `[samples]`; off without a folder.

    Attributes:
        folder: where they are kept; empty is off.
        max_bytes: size of all of them; the oldest go first.
        below: an accepted digit of less confidence is kept as uncertain.
        every: every so many-th accepted digit is kept; 0 is none.
        frames: keep the whole frame beside the crops of an uncertain reading.
        batch_s: they are written together after so long.
    """

    folder: str = ""
    max_bytes: int = 100_000_000
    below: float = 0.99
    every: int = 0
    frames: bool = False
    batch_s: float = 60.0


@dataclass(frozen=True)
class RunConfig:
    """Everything that decides what the runtime does, a table each."""

    camera: CameraConfig = field(default_factory=CameraConfig)
    read: ReadConfig = field(default_factory=ReadConfig)
    output: OutputConfig = field(default_factory=OutputConfig)
    mqtt: MqttConfig = field(default_factory=MqttConfig)
    web: WebConfig = field(default_factory=WebConfig)
    samples: SamplesConfig = field(default_factory=SamplesConfig)
