"""The packages of Debian's main section whose music is taken, and where in them music is not. Data, no behaviour."""

from typing import Final

PACKAGES: Final = (
    "asc-music",
    "boswars-data",
    "btanks-data",
    "colobot-common-sounds",
    "enigma-data",
    "extremetuxracer-data",
    "fillets-ng-data",
    "flare-game",
    "freedroidrpg-data",
    "freeorion-data",
    "fretsonfire-songs-muldjord",
    "fretsonfire-songs-sectoid",
    "frozen-bubble-data",
    "gunroar-data",
    "hedgewars-data",
    "hyperrogue-music",
    "lordsawar-data",
    "marsshooter-data",
    "megaglest-data",
    "mu-cade-data",
    "naev-data",
    "nexuiz-music",
    "noiz2sa-data",
    "openarena-data",
    "openttd-openmsx",
    "parsec47-data",
    "planetblupi-music-ogg",
    "plee-the-bear-data",
    "pushover-data",
    "scorched3d-data",
    "singularity-music",
    "starfighter-data",
    "supertux-data",
    "supertuxkart-data",
    "titanion-data",
    "torus-trooper-data",
    "tumiki-fighters-data",
    "ufoai-music",
    "unknown-horizons",
    "warmux-data",
    "warzone2100-music",
    "wesnoth-1.16-music",
    "wesnoth-1.18-music",
    "widelands-data",
    "xmoto-data",
    "zaz-data",
)
"""Games, of many hands and kinds: orchestral, ambient, techno, metal, jazz, folk, chip tunes. Of the two releases of
Wesnoth's music a Debian has one."""

MIDI_PACKAGES: Final = frozenset({"openttd-openmsx"})
"""Their MIDI files are pieces, and are played with fluidsynth; elsewhere they are a game's score cards."""

AUDIO: Final = frozenset({".ogg", ".oga", ".opus", ".mp3", ".flac", ".wav"})
MIDI: Final = frozenset({".mid", ".midi"})
ARCHIVES: Final = frozenset({".pk3"})
"""Zip files in which games of the Quake family keep their music."""

NOT_MUSIC: Final = frozenset(
    {
        *("ambient", "ambience", "ambiences", "environment", "weather"),
        *("effects", "events", "interface", "sfx", "soundfx", "units", "weapons"),
        *("announcer", "bot_sounds", "comments", "speech", "tutorial", "tutorials", "voice", "voices"),
    }
)
"""Folders of effects and speech."""

STEMS: Final = frozenset({"guitar.ogg", "rhythm.ogg", "drums.ogg", "crowd.ogg", "preview.ogg"})
"""Single voices of songs that are there whole, or a part of them."""
